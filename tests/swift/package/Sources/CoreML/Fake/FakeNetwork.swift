import Foundation

/// Forward and back through dense layers.
extension FakeModel {
    /// The input of each layer, then the answer before the softmax.
    func forward(_ input: [Double]) -> [[Double]] {
        var values = [input]
        for (index, layer) in layers.enumerated() {
            let sums = zip(layer.weights, layer.biases).map { row, bias in
                zip(row, values[index]).reduce(bias) { $0 + $1.0 * $1.1 }
            }
            values.append(index == layers.count - 1 ? sums : sums.map { max($0, 0) })
        }
        return values
    }

    static func softmax(_ logits: [Double]) -> [Double] {
        let most = logits.max() ?? 0
        let powers = logits.map { exp($0 - most) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }

    /// The answer: probabilities or values.
    func scores(_ input: [Double]) -> [Double] {
        let last = forward(input)[layers.count]
        return isClassifier ? Self.softmax(last) : last
    }

    /// The loss of one sample, and its gradient by the sums of the last layer.
    func loss(of sums: [Double], wanted: [Double]) -> (Double, [Double]) {
        if isClassifier {
            let scores = Self.softmax(sums)
            let loss = zip(wanted, scores).reduce(0) { $0 - $1.0 * log($1.1) }
            return (loss, zip(scores, wanted).map { $0 - $1 })
        }
        let differences = zip(sums, wanted).map { $0 - $1 }
        let count = Double(differences.count)
        return (differences.reduce(0) { $0 + $1 * $1 } / count, differences.map { 2 * $0 / count })
    }

    /// Returns the loss of one sample; adds the gradients of the layers, laid out as `layers`.
    func learn(_ input: [Double], wanted: [Double], gradients: inout [Layer]) -> Double {
        let values = forward(input)
        var (loss, back) = loss(of: values[layers.count], wanted: wanted)
        for index in layers.indices.reversed() {
            let before = values[index]
            var further = [Double](repeating: 0, count: before.count)
            for (row, slope) in back.enumerated() {
                gradients[index].biases[row] += slope
                for column in before.indices {
                    gradients[index].weights[row][column] += slope * before[column]
                    further[column] += slope * layers[index].weights[row][column]
                }
            }
            // The ReLU lets through where it gave something.
            back = zip(further, before).map { index > 0 && $1 <= 0 ? 0 : $0 }
        }
        return loss
    }

    var zeros: [Layer] {
        layers.map { layer in
            var zero = layer
            zero.biases = layer.biases.map { _ in 0 }
            zero.weights = layer.weights.map { $0.map { _ in 0 } }
            return zero
        }
    }
}
