import Foundation

/// In the SDK this is a protocol of Objective-C: only classes conform.
public protocol MLFeatureProvider: AnyObject {
    var featureNames: Set<String> { get }
    func featureValue(for featureName: String) -> MLFeatureValue?
}

public protocol MLBatchProvider: AnyObject {
    var count: Int { get }
    func features(at index: Int) -> any MLFeatureProvider
}

open class MLDictionaryFeatureProvider: NSObject, MLFeatureProvider {
    public let dictionary: [String: MLFeatureValue]
    public var featureNames: Set<String> { Set(dictionary.keys) }

    public init(dictionary: [String: Any]) throws {
        self.dictionary = try dictionary.mapValues { value in
            guard let value = value as? MLFeatureValue else { throw FakeError.invalid("\(value)") }
            return value
        }
    }

    public func featureValue(for featureName: String) -> MLFeatureValue? { dictionary[featureName] }
}

open class MLArrayBatchProvider: NSObject, MLBatchProvider {
    public let array: [any MLFeatureProvider]
    public var count: Int { array.count }

    public init(array: [any MLFeatureProvider]) { self.array = array }

    public func features(at index: Int) -> any MLFeatureProvider { array[index] }
}
