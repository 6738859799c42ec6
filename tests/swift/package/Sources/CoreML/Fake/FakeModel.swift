import Foundation

/// A model of dense layers, perhaps with nearest neighbours behind them, as a folder with one file in JSON.
public struct FakeModel: Codable, Equatable, Sendable {
    public enum Kind: String, Codable, Sendable {
        case float32, double, int32, image, string, int64

        var featureType: MLFeatureType {
            switch self {
            case .image: return .image
            case .string: return .string
            case .int64: return .int64
            case .float32, .double, .int32: return .multiArray
            }
        }
    }

    public struct Feature: Codable, Equatable, Sendable {
        public var name: String
        public var type: Kind
        public var shape: [Int]
    }

    /// `y = W x + b`, with a ReLU behind each but the last.
    public struct Layer: Codable, Equatable, Sendable {
        public var name: String
        public var weights: [[Double]]
        public var biases: [Double]
        public var isUpdatable: Bool
    }

    /// Samples that are kept, each what the layers make of it, and their labels.
    public struct Neighbors: Codable, Equatable, Sendable {
        public var count: Int
        public var samples: [[Double]]
        public var labels: [String]
        public var defaultLabel: String
        public var weighsByDistance: Bool
    }

    public var inputs: [Feature]
    public var target: Feature
    /// The output that the answer is read from, and that of the probabilities besides a label.
    public var output: String
    public var probabilities: String
    public var labels: [String]
    public var layers: [Layer]
    public var isClassifier: Bool
    public var isUpdatable: Bool
    /// The name of the model in its pipeline.
    public var scope: String?
    public var learningRate: Double
    public var momentum: Double
    public var epochs: Int
    public var miniBatchSize: Int
    /// Of a model that learns by keeping samples.
    public var neighbors: Neighbors?

    static let file = "model.json"

    public init(at folder: URL) throws { try self.init(in: folder.appendingPathComponent(Self.file)) }

    init(in file: URL) throws {
        self = try JSONDecoder().decode(FakeModel.self, from: Data(contentsOf: file))
    }

    public func write(to folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try encoded().write(to: folder.appendingPathComponent(Self.file))
    }

    /// Equal models are equal files.
    func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return try encoder.encode(self)
    }

    func scoped(_ layer: String) -> String { scope.map { "\($0).\(layer)" } ?? layer }
}
