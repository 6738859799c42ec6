import Foundation

/// Learning by keeping samples, and answering by the nearest of them.
extension FakeModel.Neighbors {
    /// What an app may choose for such a model, by `MLParameterKey`; it has no epochs and no loss.
    static let parameter = "numberOfNeighbors"

    /// The vote of each class among the nearest samples, adding up to 1; of equally near ones the older counts.
    func votes(for features: [Double]) -> [String: Double] {
        let distances = samples.map { zip($0, features).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
        let nearest = distances.indices.sorted { (distances[$0], $0) < (distances[$1], $1) }.prefix(count)
        var votes: [String: Double] = [:]
        for index in nearest {
            votes[labels[index], default: 0] += weighsByDistance ? 1 / max(distances[index], 1e-12) : 1
        }
        let sum = votes.values.reduce(0, +)
        return votes.mapValues { $0 / sum }
    }
}

extension FakeModel {
    /// What the layers make of one sample.
    func features(of provider: any MLFeatureProvider) throws -> [Double] {
        forward(try input(of: provider))[layers.count]
    }

    /// Keeps one sample.
    mutating func keep(_ provider: any MLFeatureProvider) throws {
        guard let value = provider.featureValue(for: target.name), value.type == target.type.featureType
        else { throw FakeError.invalid(target.name) }
        let label = value.type == .string ? value.stringValue : String(value.int64Value)
        let features = try features(of: provider)
        neighbors?.samples.append(features)
        neighbors?.labels.append(label)
    }

    func answer(of neighbors: Neighbors, to provider: any MLFeatureProvider) throws -> any MLFeatureProvider {
        let votes = neighbors.votes(for: try features(of: provider))
        let best = votes.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? neighbors.defaultLabel
        let isNumber = target.type == .int64
        let shares = votes.map { label, vote in
            (isNumber ? AnyHashable(Int64(label) ?? 0) : AnyHashable(label), NSNumber(value: vote))
        }
        return try MLDictionaryFeatureProvider(dictionary: [
            output: isNumber ? MLFeatureValue(int64: Int64(best) ?? 0) : MLFeatureValue(string: best),
            probabilities: MLFeatureValue(dictionary: Dictionary(uniqueKeysWithValues: shares)),
        ])
    }
}
