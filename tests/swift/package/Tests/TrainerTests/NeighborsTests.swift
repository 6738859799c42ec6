import CoreGraphics
import CoreML
import Foundation
import XCTest

/// A trainer of a model that learns by keeping samples.
final class NeighborsTests: TrainerTestCase {
    private func nearest() throws -> NearestTrainer {
        try NearestTrainer(bundle: Self.bundle("Nearest"), folder: folder)
    }

    /// Samples of the classes "0", "1", … in turn; those of a class are alike.
    private func samples(_ count: Int, of classes: Int) -> [NearestTrainer.Sample] {
        (0..<count).map { NearestTrainer.Sample(image: pixels($0 % classes), label: "\($0 % classes)") }
    }

    private func picture(brightness: UInt8) -> CGImage {
        let bytes = [UInt8](repeating: brightness, count: 16)
        return CGImage(fakePixels: FakePixels(width: 4, height: 4, channels: 1, bytes: bytes))
    }

    func testBeforeAnySampleItAnswersTheDefault() async throws {
        let trainer = try nearest()
        let prediction = try await trainer.predict(image: pixels(0))
        XCTAssertEqual(prediction.label, NearestTrainer.defaultLabel)
        XCTAssertEqual(prediction.label, "none")
        XCTAssertEqual(prediction.probabilities, [:])
        let isPersonal = await trainer.isPersonal
        XCTAssertFalse(isPersonal)
    }

    func testItLearnsClassesThatItDidNotKnowAndKeepsThem() async throws {
        let trainer = try nearest()
        try await trainer.train(on: samples(2, of: 2))
        let two = try await trainer.evaluate(on: samples(3, of: 3))
        XCTAssertEqual(two.accuracy, 2 / 3, accuracy: 1e-9)
        try await trainer.train(on: [NearestTrainer.Sample(image: pixels(2), label: "2")])
        let three = try await trainer.evaluate(on: samples(3, of: 3))
        XCTAssertEqual(three.accuracy, 1)
        let again = try await nearest().predict(image: pixels(2))
        XCTAssertEqual(again, NearestTrainer.Prediction(label: "2", probabilities: ["2": 1]))
        XCTAssertEqual(try savedModels().count, 1)
        try await trainer.reset()
        let forgotten = try await trainer.predict(image: pixels(2))
        XCTAssertEqual(forgotten.label, "none")
    }

    func testTheNumberOfNeighborsIsPassedToTheMemberThatLearns() async throws {
        var parameters = NearestTrainer.Parameters()
        parameters.numberOfNeighbors = 9
        try await nearest().train(on: samples(2, of: 2), parameters: parameters)
        XCTAssertEqual(FakeCoreML.shared.record.parameters, ["neighbors.numberOfNeighbors": "9"])
        parameters.numberOfNeighbors = 10
        let wrong = parameters
        await assertThrows(NearestTrainer.TrainingError.notAllowed(parameter: "numberOfNeighbors", value: "10")) {
            try await self.nearest().train(on: self.samples(2, of: 2), parameters: wrong)
        }
    }

    func testNumbersAndPicturesAndMembersWithoutNames() async throws {
        let trainer = try NearestNumberTrainer(bundle: Self.bundle("NearestNumber"), folder: folder)
        let dark = NearestNumberTrainer.Image(picture(brightness: 10))
        let light = NearestNumberTrainer.Image(picture(brightness: 250))
        var parameters = NearestNumberTrainer.Parameters()
        parameters.numberOfNeighbors = 1
        try await trainer.train(
            on: [.init(image: dark, label: -3), .init(image: light, label: 1 << 40)], parameters: parameters
        )
        XCTAssertEqual(FakeCoreML.shared.record.parameters, ["model1.numberOfNeighbors": "1"])
        let prediction = try await trainer.predict(image: light)
        XCTAssertEqual(prediction.label, 1 << 40)
    }

    func testWhatGoesWrongLeavesTheModelAsItWas() async throws {
        let trainer = try nearest()
        await assertThrows(NearestTrainer.TrainingError.noSamples) { try await trainer.train(on: []) }
        let short = NearestTrainer.Sample(image: [1], label: "0")
        await assertThrows(NearestTrainer.TrainingError.wrongCount(feature: "image", expected: 16, found: 1)) {
            try await trainer.train(on: [short])
        }
        FakeCoreML.shared.switches.trainingFails = true
        await assertThrows(FakeError.trainingFailed) { try await trainer.train(on: self.samples(2, of: 2)) }
        FakeCoreML.shared.switches.trainingFails = false
        FakeCoreML.shared.switches.givesNoModel = true
        await assertThrows(NearestTrainer.TrainingError.noModel) {
            try await trainer.train(on: self.samples(2, of: 2))
        }
        FakeCoreML.shared.switches.givesNoModel = false
        let isPersonal = await trainer.isPersonal
        XCTAssertFalse(isPersonal)
        XCTAssertEqual(try savedModels(), [])
    }

    func testACancelledTrainingIsNotSaved() async throws {
        let trainer = try nearest()
        let begun = Box<Bool>()
        FakeCoreML.shared.switches.secondsPerMiniBatch = 0.05
        FakeCoreML.shared.switches.onStep = { if $0 == .miniBatch { begun.put(true) } }
        let many = samples(200, of: 2)
        let task = Task { try await trainer.train(on: many) }
        _ = begun.take()
        task.cancel()
        do {
            try await task.value
            XCTFail("nothing was thrown")
        } catch {
            XCTAssertTrue(error is CancellationError, "\(error)")
        }
        try await silence()
        XCTAssertEqual(try savedModels(), [])
    }
}
