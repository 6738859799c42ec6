import Foundation

/// Features in, features out.
extension FakeModel {
    /// All inputs of one sample behind one another; pixels from 0 to 1, channels first.
    func input(of provider: any MLFeatureProvider) throws -> [Double] {
        try inputs.flatMap { feature -> [Double] in
            guard let value = provider.featureValue(for: feature.name),
                value.type == feature.type.featureType
            else { throw FakeError.invalid(feature.name) }
            let numbers = value.multiArrayValue?.fakeElements ?? Self.numbers(of: value)
            guard numbers.count == feature.shape.reduce(1, *) else {
                throw FakeError.invalid(feature.name)
            }
            return numbers
        }
    }

    private static func numbers(of value: MLFeatureValue) -> [Double] {
        guard let pixels = value.imageBufferValue?.fakePixels else { return [] }
        return (0..<pixels.channels).flatMap { channel in
            stride(from: channel, to: pixels.bytes.count, by: pixels.channels).map {
                Double(pixels.bytes[$0]) / 255
            }
        }
    }

    /// The answer that one sample wants: one for its class, or its values.
    func wanted(of provider: any MLFeatureProvider) throws -> [Double] {
        guard let value = provider.featureValue(for: target.name),
            value.type == target.type.featureType
        else { throw FakeError.invalid(target.name) }
        let numbers = value.multiArrayValue?.fakeElements ?? []
        if !isClassifier { return numbers }
        let index: Int?
        switch value.type {
        case .string: index = labels.firstIndex(of: value.stringValue)
        case .int64: index = labels.firstIndex(of: String(value.int64Value))
        default: index = Int(numbers[0])
        }
        let classes = layers[layers.count - 1].biases.count
        guard let index, (0..<classes).contains(index) else { throw FakeError.invalid(target.name) }
        return (0..<classes).map { $0 == index ? 1 : 0 }
    }

    func answer(to provider: any MLFeatureProvider) throws -> any MLFeatureProvider {
        if let neighbors { return try answer(of: neighbors, to: provider) }
        let scores = scores(try input(of: provider))
        guard !labels.isEmpty else {
            let array = MLMultiArray.fake(scores, shape: [scores.count], .double)
            return try MLDictionaryFeatureProvider(
                dictionary: [output: MLFeatureValue(multiArray: array)]
            )
        }
        let best = scores.indices.max { scores[$0] < scores[$1] } ?? 0
        let isNumber = target.type == .int64
        let keys = labels.map { isNumber ? AnyHashable(Int64($0) ?? 0) : AnyHashable($0) }
        let shares = Dictionary(uniqueKeysWithValues: zip(keys, scores.map { NSNumber(value: $0) }))
        return try MLDictionaryFeatureProvider(dictionary: [
            output: isNumber
                ? MLFeatureValue(int64: Int64(labels[best]) ?? 0) : MLFeatureValue(string: labels[best]),
            probabilities: MLFeatureValue(dictionary: shares),
        ])
    }
}
