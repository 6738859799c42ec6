import Foundation

/// The name of a hyperparameter, of weights, or of a figure of progress.
///
/// Keys are compared by what they say: they are looked up in dictionaries.
open class MLKey: NSObject {
    public let name: String
    public let scope: String?

    init(name: String, scope: String?) {
        self.name = name
        self.scope = scope
    }

    public override func isEqual(_ object: Any?) -> Bool {
        guard let other = object as? MLKey else { return false }
        return other.name == name && other.scope == scope
    }

    public override var hash: Int {
        var hasher = Hasher()
        hasher.combine(name)
        hasher.combine(scope)
        return hasher.finalize()
    }
}

open class MLParameterKey: MLKey {
    public class var learningRate: MLParameterKey { named("learningRate") }
    public class var momentum: MLParameterKey { named("momentum") }
    public class var miniBatchSize: MLParameterKey { named("miniBatchSize") }
    public class var beta1: MLParameterKey { named("beta1") }
    public class var beta2: MLParameterKey { named("beta2") }
    public class var eps: MLParameterKey { named("eps") }
    public class var epochs: MLParameterKey { named("epochs") }
    public class var shuffle: MLParameterKey { named("shuffle") }
    public class var seed: MLParameterKey { named("seed") }
    public class var numberOfNeighbors: MLParameterKey { named("numberOfNeighbors") }
    public class var weights: MLParameterKey { named("weights") }
    public class var biases: MLParameterKey { named("biases") }

    /// Scopes are put one behind the other: first the model of a pipeline, then the layer.
    public func scoped(to scope: String) -> MLParameterKey {
        MLParameterKey(name: name, scope: self.scope.map { "\($0).\(scope)" } ?? scope)
    }

    private static func named(_ name: String) -> MLParameterKey {
        MLParameterKey(name: name, scope: nil)
    }
}

open class MLMetricKey: MLKey {
    public class var lossValue: MLMetricKey { MLMetricKey(name: "lossValue", scope: nil) }
    public class var epochIndex: MLMetricKey { MLMetricKey(name: "epochIndex", scope: nil) }
    public class var miniBatchIndex: MLMetricKey { MLMetricKey(name: "miniBatchIndex", scope: nil) }
}
