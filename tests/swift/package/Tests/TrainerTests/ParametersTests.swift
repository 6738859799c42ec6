import CoreML
import XCTest

/// What reaches Core ML of the hyperparameters.
final class ParametersTests: TrainerTestCase {
    func testOnlyWhatWasAssignedIsPassed() async throws {
        let trainer = try trainer()
        try await trainer.train(on: arraySamples)
        XCTAssertEqual(FakeCoreML.shared.record.parameters, [:])
        var parameters = ArrayTrainer.Parameters()
        parameters.epochs = 1
        parameters.learningRate = 0.5
        try await trainer.train(on: arraySamples, parameters: parameters)
        XCTAssertEqual(FakeCoreML.shared.record.parameters, ["epochs": "1", "learningRate": "0.5"])
    }

    func testWhatTheModelDoesNotAllowIsRefused() async throws {
        let trainer = try trainer()
        var parameters = ArrayTrainer.Parameters()
        parameters.epochs = 3
        await assertThrows(ArrayTrainer.TrainingError.notAllowed(parameter: "epochs", value: "3")) {
            try await trainer.train(on: arraySamples, parameters: parameters)
        }
        XCTAssertEqual(FakeCoreML.shared.record.tasks, 0)
    }

    func testThePipelineNamesItsModel() async throws {
        let trainer = try PipelineTrainer(bundle: Self.bundle("Pipeline"), folder: folder)
        var parameters = PipelineTrainer.Parameters()
        parameters.epochs = 1
        let sample = PipelineTrainer.Sample(image: pixels(0), label: 0)
        try await trainer.train(on: [sample], parameters: parameters)
        XCTAssertEqual(FakeCoreML.shared.record.parameters, ["the head.epochs": "1"])
    }

    func testThePipelineWithoutNamesNumbersItsModels() async throws {
        let trainer = try OldPipelineTrainer(bundle: Self.bundle("OldPipeline"), folder: folder)
        var parameters = OldPipelineTrainer.Parameters()
        parameters.epochs = 1
        let sample = OldPipelineTrainer.Sample(image: pixels(0), label: 0)
        try await trainer.train(on: [sample], parameters: parameters)
        XCTAssertEqual(FakeCoreML.shared.record.parameters, ["model1.epochs": "1"])
        let weights = try await trainer.weights(of: "scores")
        XCTAssertEqual(weights.count, 15)
    }

    /// What the handler returns is brought into the range that the model allows.
    func testTheRateIsChangedWhileItLearns() async throws {
        let trainer = try trainer()
        try await trainer.train(on: arraySamples) { progress in
            guard case .epoch(let epoch) = progress else { return nil }
            return epoch.index == 0 ? 0.125 : 7
        }
        XCTAssertEqual(FakeCoreML.shared.record.rates, [0.125, 1])
    }
}
