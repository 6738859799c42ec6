import Foundation

/// What a test may make the stand-in do.
public struct FakeSwitches: Sendable {
    /// Seconds that each mini-batch takes besides.
    public var secondsPerMiniBatch = 0.0
    /// Seconds that writing a model takes.
    public var secondsPerWrite = 0.0
    /// The training ends with an error.
    public var trainingFails = false
    /// The training ends well, but there is no model; this was seen with Core ML.
    public var givesNoModel = false
    /// The completion handler of a cancelled task is called; whether Core ML does so is not documented.
    public var completesAfterCancel = false
    /// Writing fails half-way.
    public var writingFails = false
    /// What is written cannot be read.
    public var writesRubbish = false
    /// The losses are no numbers.
    public var lossIsNotANumber = false
    /// Is called at each step, in the thread that takes it.
    public var onStep: @Sendable (FakeStep) -> Void = { _ in }

    public init() {}
}

/// Where a test may step in.
public enum FakeStep: Sendable {
    case makingTask, miniBatch, writing, written
}

/// What the stand-in has seen.
public struct FakeRecord: Sendable {
    public var tasks = 0
    public var liveTasks = 0
    public var liveValues = 0
    public var mostLiveValues = 0
    /// Trainings that are under way, cancelled ones included.
    public var running = 0
    public var writing = 0
    /// How often a training began, or a model was written, while another model was being written.
    public var collisions = 0
    /// The hyperparameters that the last task was given, as text.
    public var parameters: [String: String] = [:]
    /// The rates that handlers asked for.
    public var rates: [Double] = []
}

public enum FakeError: Error, Equatable {
    case invalid(String)
    case trainingFailed
    case notWritten
}

/// The one stand-in of a process. Handlers and tests run in different threads.
public final class FakeCoreML: @unchecked Sendable {
    public static let shared = FakeCoreML()

    private let lock = NSLock()
    private var currentSwitches = FakeSwitches()
    private var currentRecord = FakeRecord()

    public var switches: FakeSwitches {
        get { lock.withLock { currentSwitches } }
        set { lock.withLock { currentSwitches = newValue } }
    }

    public var record: FakeRecord { lock.withLock { currentRecord } }

    /// Starts again; what is alive goes on being counted.
    public func reset() {
        lock.withLock {
            let before = currentRecord
            currentSwitches = FakeSwitches()
            currentRecord = FakeRecord()
            currentRecord.liveTasks = before.liveTasks
            currentRecord.liveValues = before.liveValues
            currentRecord.mostLiveValues = before.liveValues
            currentRecord.running = before.running
            currentRecord.writing = before.writing
        }
    }

    func note(_ change: (inout FakeRecord) -> Void) { lock.withLock { change(&currentRecord) } }

    func valueWasMade() {
        note {
            $0.liveValues += 1
            $0.mostLiveValues = max($0.mostLiveValues, $0.liveValues)
        }
    }

    func valueIsGone() { note { $0.liveValues -= 1 } }

    func taskWasMade(_ parameters: [String: String]) {
        note {
            $0.tasks += 1
            $0.liveTasks += 1
            $0.parameters = parameters
        }
    }

    func taskIsGone() { note { $0.liveTasks -= 1 } }

    func trainingBegan() {
        note {
            $0.running += 1
            $0.collisions += $0.writing
        }
    }

    func trainingEnded() { note { $0.running -= 1 } }

    func writingBegan() {
        note {
            $0.collisions += $0.writing
            $0.writing += 1
        }
    }

    func writingEnded() { note { $0.writing -= 1 } }
}
