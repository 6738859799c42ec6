import Foundation

public enum MLComputeUnits: Int, Sendable {
    case cpuOnly
    case cpuAndGPU
    case all
}

open class MLModelConfiguration: NSObject {
    public var computeUnits: MLComputeUnits = .all
    public var parameters: [MLParameterKey: Any]?

    public override init() {}
}

open class MLPredictionOptions: NSObject {
    public override init() {}
}

public protocol MLWritable: NSObjectProtocol {
    func write(to url: URL) throws
}

open class MLModel: NSObject {
    final let fake: FakeModel

    public var modelDescription: MLModelDescription { MLModelDescription(fake) }

    public convenience init(contentsOf url: URL, configuration: MLModelConfiguration) throws {
        try self.init(FakeModel(at: url))
    }

    init(_ fake: FakeModel) { self.fake = fake }

    public func prediction(from input: any MLFeatureProvider) throws -> any MLFeatureProvider {
        try fake.answer(to: input)
    }

    #if !OLDEST_SYSTEMS
        /// In an asynchronous function this one is chosen.
        public func prediction(
            from input: any MLFeatureProvider, options: MLPredictionOptions = MLPredictionOptions()
        ) async throws -> any MLFeatureProvider {
            try fake.answer(to: input)
        }
    #endif

    public func predictions(fromBatch inputBatch: any MLBatchProvider) throws -> any MLBatchProvider {
        MLArrayBatchProvider(
            array: try (0..<inputBatch.count).map { try fake.answer(to: inputBatch.features(at: $0)) }
        )
    }

    public func parameterValue(for key: MLParameterKey) throws -> Any {
        for layer in fake.layers where key.scope == fake.scoped(layer.name) {
            let values = key.name == "weights" ? layer.weights.flatMap { $0 } : layer.biases
            return MLMultiArray.fake(values, shape: [values.count], .float32)
        }
        throw FakeError.invalid("\(key.scope ?? "").\(key.name)")
    }

    /// Compiling is copying: a file in JSON becomes a folder with this file.
    public class func compileModel(at modelURL: URL) throws -> URL {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("\(UUID().uuidString).mlmodelc", isDirectory: true)
        try FakeModel(in: modelURL).write(to: folder)
        return folder
    }
}
