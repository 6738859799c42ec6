import Foundation

/// What a test may make the stand-in do, and what it has seen.
public struct FakeSwitches: Sendable {
    /// Seconds that each mini-batch takes besides.
    public var secondsPerMiniBatch = 0.0
    /// Seconds that writing a model takes.
    public var secondsPerWrite = 0.0
    /// The training ends with this error.
    public var trainingFails = false
    /// The training ends well, but there is no model; this was seen with Core ML.
    public var givesNoModel = false
    /// The completion handler of a cancelled task is called; whether Core ML does so is not documented.
    public var completesAfterCancel = false
    /// Writing fails half-way.
    public var writingFails = false
    /// The loss from then on is not a number.
    public var lossIsNotANumber = false

    public init() {}
}

/// What the stand-in has seen.
public struct FakeRecord: Sendable {
    public var tasks = 0
    public var liveTasks = 0
    public var liveValues = 0
    public var mostLiveValues = 0
    /// Trainings and writes that are under way, and the most there were at once.
    public var active = 0
    public var mostActive = 0
    public var writes = 0
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
            currentRecord.active = before.active
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

    /// Counts work that nothing else shall overlap.
    func began() {
        note {
            $0.active += 1
            $0.mostActive = max($0.mostActive, $0.active)
        }
    }

    func ended() { note { $0.active -= 1 } }
}
