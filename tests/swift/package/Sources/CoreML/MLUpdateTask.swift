import Foundation

public enum MLTaskState: Int, Sendable {
    case suspended = 1
    case running
    case cancelling
    case completed
    case failed
}

open class MLTask: NSObject {
    public internal(set) var state: MLTaskState = .suspended
    public internal(set) var error: (any Error)?

    public func resume() {}
    public func cancel() {}
}

public struct MLUpdateProgressEvent: OptionSet, Sendable {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    public static var trainingBegin: MLUpdateProgressEvent { MLUpdateProgressEvent(rawValue: 1) }
    public static var epochEnd: MLUpdateProgressEvent { MLUpdateProgressEvent(rawValue: 2) }
    public static var miniBatchEnd: MLUpdateProgressEvent { MLUpdateProgressEvent(rawValue: 4) }
}

open class MLUpdateContext: NSObject {
    public let task: MLUpdateTask
    public let model: MLModel & MLWritable
    public let event: MLUpdateProgressEvent
    public let metrics: [MLMetricKey: Any]
    public let parameters: [MLParameterKey: Any]

    init(
        _ task: MLUpdateTask, _ model: MLModel & MLWritable, _ event: MLUpdateProgressEvent,
        _ metrics: [MLMetricKey: Any], _ parameters: [MLParameterKey: Any]
    ) {
        self.task = task
        self.model = model
        self.event = event
        self.metrics = metrics
        self.parameters = parameters
    }
}

open class MLUpdateProgressHandlers: NSObject {
    let events: MLUpdateProgressEvent
    let progress: ((MLUpdateContext) -> Void)?
    let completion: (MLUpdateContext) -> Void

    #if SENDABLE_HANDLERS
        public init(
            forEvents interestedEvents: MLUpdateProgressEvent,
            progressHandler: (@Sendable (MLUpdateContext) -> Void)?,
            completionHandler: @escaping @Sendable (MLUpdateContext) -> Void
        ) {
            events = interestedEvents
            progress = progressHandler
            completion = completionHandler
        }
    #else
        public init(
            forEvents interestedEvents: MLUpdateProgressEvent,
            progressHandler: ((MLUpdateContext) -> Void)?,
            completionHandler: @escaping (MLUpdateContext) -> Void
        ) {
            events = interestedEvents
            progress = progressHandler
            completion = completionHandler
        }
    #endif
}

open class MLUpdateTask: MLTask {
    private let training: FakeTraining

    public init(
        forModelAt modelURL: URL, trainingData: any MLBatchProvider,
        configuration: MLModelConfiguration?, progressHandlers: MLUpdateProgressHandlers
    ) throws {
        training = try FakeTraining(
            of: FakeModel(at: modelURL), on: trainingData, parameters: configuration?.parameters ?? [:],
            telling: progressHandlers
        )
        super.init()
        FakeCoreML.shared.taskWasMade(training.passed)
        FakeCoreML.shared.switches.onStep(.makingTask)
    }

    deinit { FakeCoreML.shared.taskIsGone() }

    public override func resume() { training.start(for: self) }
    public override func cancel() { training.cancel(self) }

    public func resume(withParameters updateParameters: [MLParameterKey: Any]) {
        training.change(updateParameters)
        resume()
    }
}
