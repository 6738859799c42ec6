import CoreML
import XCTest

/// Each kind of model learns, and what it has learned is there the next time.
final class LearningTests: TrainerTestCase {
    func testArrayWithClassIndex() async throws {
        let trainer = try trainer()
        let before = try await trainer.weights(of: "scores")
        let epochs = try await trainer.train(on: arraySamples, parameters: twenty())
        XCTAssertEqual(epochs.map(\.index), Array(0..<20))
        XCTAssertLessThan(epochs[19].loss, epochs[0].loss / 4)
        let evaluation = try await trainer.evaluate(on: arraySamples)
        XCTAssertEqual(evaluation.accuracy, 1)
        XCTAssertLessThan(evaluation.loss, epochs[19].loss)
        let prediction = try await trainer.predict(image: pixels(1))
        XCTAssertEqual(prediction.label, 1)
        XCTAssertEqual(prediction.probabilities.reduce(0, +), 1, accuracy: 1e-9)
        XCTAssertGreaterThan(prediction.probabilities[1], 0.8)
        let after = try await trainer.weights(of: "scores")
        XCTAssertNotEqual(after, before)
        let again = try self.trainer()
        let isPersonal = await again.isPersonal
        XCTAssertTrue(isPersonal)
        let kept = try await again.weights(of: "scores")
        XCTAssertEqual(kept, after)
    }

    private func twenty() -> ArrayTrainer.Parameters {
        var parameters = ArrayTrainer.Parameters()
        parameters.epochs = 20
        return parameters
    }

    func testStringLabels() async throws {
        let classes = StringTrainer.classes
        XCTAssertEqual(classes, ["\"cat\"\n", "\\(dog)", "🦉"])
        let trainer = try StringTrainer(bundle: Self.bundle("String"), folder: folder)
        let samples = arraySamples.map { StringTrainer.Sample(image: $0.image, label: classes[$0.label]) }
        var parameters = StringTrainer.Parameters()
        parameters.epochs = 20
        try await trainer.train(on: samples, parameters: parameters)
        let evaluation = try await trainer.evaluate(on: samples)
        XCTAssertEqual(evaluation.accuracy, 1)
        let prediction = try await trainer.predict(image: pixels(2))
        XCTAssertEqual(prediction.label, "🦉")
        XCTAssertEqual(Set(prediction.probabilities.keys), Set(classes))
        XCTAssertEqual(prediction.probabilities.values.reduce(0, +), 1, accuracy: 1e-9)
        await assertThrows(StringTrainer.TrainingError.unknownClass("cow")) {
            try await trainer.train(on: [StringTrainer.Sample(image: pixels(0), label: "cow")])
        }
    }

    func testIntegerLabels() async throws {
        let classes = IntegerTrainer.classes
        XCTAssertEqual(classes, [7, -8, 1 << 40])
        let trainer = try IntegerTrainer(bundle: Self.bundle("Integer"), folder: folder)
        let samples = arraySamples.map { IntegerTrainer.Sample(image: $0.image, label: classes[$0.label]) }
        var parameters = IntegerTrainer.Parameters()
        parameters.epochs = 20
        try await trainer.train(on: samples, parameters: parameters)
        let prediction = try await trainer.predict(image: pixels(2))
        XCTAssertEqual(prediction.label, 1 << 40)
        XCTAssertEqual(Set(prediction.probabilities.keys), Set(classes))
        let evaluation = try await trainer.evaluate(on: samples)
        XCTAssertEqual(evaluation.accuracy, 1)
    }

    func testRegressor() async throws {
        let trainer = try RegressorTrainer(bundle: Self.bundle("Regressor"), folder: folder)
        let samples = (0..<12).map { number in
            RegressorTrainer.Sample(image: pixels(number), values: [number % 3 == 0 ? 1 : 0, 0.5])
        }
        var parameters = RegressorTrainer.Parameters()
        parameters.epochs = 20
        parameters.learningRate = 0.05
        let before = try await trainer.evaluate(on: samples)
        try await trainer.train(on: samples, parameters: parameters)
        let after = try await trainer.evaluate(on: samples)
        XCTAssertLessThan(after.loss, before.loss / 4)
        let values = try await trainer.predict(image: pixels(0))
        XCTAssertEqual(values.count, 2)
        let wanted = zip(values, samples[0].values).map { ($0 - $1) * ($0 - $1) }.reduce(0, +) / 2
        let one = try await trainer.evaluate(on: [samples[0]])
        XCTAssertEqual(one.loss, Double(wanted), accuracy: 1e-6)
    }

    func testSeveralInputs() async throws {
        let trainer = try TwoInputsTrainer(bundle: Self.bundle("TwoInputs"), folder: folder)
        // Only the second input tells the classes apart.
        let samples = (0..<12).map { number in
            TwoInputsTrainer.Sample(
                image: [Double](repeating: 0, count: 16),
                inputClass: (0..<5).map { $0 == number % 3 ? 1 : 0 }, label: number % 3
            )
        }
        var parameters = TwoInputsTrainer.Parameters()
        parameters.epochs = 20
        try await trainer.train(on: samples, parameters: parameters)
        let evaluation = try await trainer.evaluate(on: samples)
        XCTAssertEqual(evaluation.accuracy, 1)
        await assertThrows(
            TwoInputsTrainer.TrainingError.wrongCount(feature: "class", expected: 5, found: 2)
        ) {
            _ = try await trainer.predict(image: samples[0].image, inputClass: [1, 2])
        }
    }

    func testPipeline() async throws {
        let trainer = try PipelineTrainer(bundle: Self.bundle("Pipeline"), folder: folder)
        let samples = arraySamples.map { PipelineTrainer.Sample(image: $0.image, label: $0.label) }
        let before = try await trainer.weights(of: "hidden")
        var parameters = PipelineTrainer.Parameters()
        parameters.epochs = 20
        try await trainer.train(on: samples, parameters: parameters)
        let evaluation = try await trainer.evaluate(on: samples)
        XCTAssertEqual(evaluation.accuracy, 1)
        let after = try await trainer.weights(of: "hidden")
        XCTAssertNotEqual(after, before)
    }

    /// The reference runtime of Python trained the same model on the same samples.
    func testAsTheReferenceRuntime() async throws {
        struct Reference: Decodable {
            let samples: [[Double]]
            let labels: [Int]
            let losses: [Double]
            let weights: [Float]
            let biases: [Float]
        }
        let file = Self.models.appendingPathComponent("reference.json")
        let wanted = try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
        let trainer = try ReferenceTrainer(bundle: Self.bundle("Reference"), folder: folder)
        let samples = zip(wanted.samples, wanted.labels).map { ReferenceTrainer.Sample(x: $0, label: $1) }
        var parameters = ReferenceTrainer.Parameters()
        parameters.epochs = 5
        parameters.shuffle = false
        let epochs = try await trainer.train(on: samples, parameters: parameters)
        XCTAssertEqual(epochs.count, wanted.losses.count)
        for (epoch, loss) in zip(epochs, wanted.losses) {
            XCTAssertEqual(epoch.loss, loss, accuracy: 1e-6)
        }
        let weights = try await trainer.weights(of: "scores")
        let biases = try await trainer.biases(of: "scores")
        XCTAssertEqual(weights.count, 12)
        XCTAssertEqual(biases.count, 3)
        for (found, wanted) in zip(weights + biases, wanted.weights + wanted.biases) {
            XCTAssertEqual(found, wanted, accuracy: 1e-6)
        }
    }

    func testTheBestEpochIsKept() async throws {
        let trainer = try trainer()
        // Held-out samples with the labels turned about get worse with every epoch.
        let wrong = arraySamples.map { ArrayTrainer.Sample(image: $0.image, label: ($0.label + 1) % 3) }
        let epochs = try await trainer.train(
            on: arraySamples, validatingOn: wrong, patience: 2, parameters: twenty()
        )
        let losses = epochs.compactMap { $0.validation?.loss }
        XCTAssertEqual(losses.count, epochs.count)
        let best = try XCTUnwrap(losses.indices.min { losses[$0] < losses[$1] })
        XCTAssertEqual(epochs.count, best + 3)
        let kept = try await trainer.evaluate(on: wrong)
        XCTAssertEqual(kept.loss, losses[best], accuracy: 1e-9)
    }

    func testSamplesArePreparedOneByOne() async throws {
        let many = (0..<200).map { ArrayTrainer.Sample(image: pixels($0), label: $0 % 3) }
        let trainer = try trainer()
        try await trainer.train(on: many)
        XCTAssertLessThan(FakeCoreML.shared.record.mostLiveValues, 10)
    }
}
