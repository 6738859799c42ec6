import CoreML
import XCTest

/// The personal model survives what may come.
final class SavingTests: TrainerTestCase {
    private func rubbish(in name: String) throws {
        let file = folder.appendingPathComponent(name).appendingPathComponent("model.json")
        try Data("rubbish".utf8).write(to: file)
    }

    private func weights(_ trainer: ArrayTrainer) async throws -> [Float] {
        try await trainer.weights(of: "scores")
    }

    func testAFolderThatIsNotThereIsMade() async throws {
        let deep = folder.appendingPathComponent("a/b/c", isDirectory: true)
        let trainer = try ArrayTrainer(bundle: Self.bundle("Array"), folder: deep)
        try await trainer.train(on: arraySamples)
        let again = try ArrayTrainer(bundle: Self.bundle("Array"), folder: deep)
        let isPersonal = await again.isPersonal
        XCTAssertTrue(isPersonal)
    }

    func testASecondTrainingGoesOnFromTheFirst() async throws {
        let trainer = try trainer()
        let first = try await trainer.train(on: arraySamples)
        let second = try await trainer.train(on: arraySamples)
        XCTAssertLessThan(second[1].loss, first[1].loss)
        XCTAssertEqual(try savedModels().count, 1)
    }

    func testAFailedWriteKeepsWhatWasThere() async throws {
        let trainer = try trainer()
        try await trainer.train(on: arraySamples)
        let before = try await weights(trainer)
        FakeCoreML.shared.switches.writingFails = true
        await assertThrows(FakeError.notWritten) { try await trainer.train(on: arraySamples) }
        let here = try await weights(trainer)
        XCTAssertEqual(here, before)
        let again = try await weights(self.trainer())
        XCTAssertEqual(again, before)
    }

    /// What cannot be read does not replace what can.
    func testAModelIsReadBeforeItReplacesAnother() async throws {
        let trainer = try trainer()
        try await trainer.train(on: arraySamples)
        let before = try await weights(trainer)
        FakeCoreML.shared.switches.writesRubbish = true
        do {
            try await trainer.train(on: arraySamples)
            XCTFail("nothing was thrown")
        } catch {
            XCTAssertTrue(error is DecodingError, "\(error)")
        }
        let again = try await weights(self.trainer())
        XCTAssertEqual(again, before)
    }

    func testAnUnreadableModelDoesNotShutTheAppOut() async throws {
        let shipped = try await weights(trainer())
        let first = try trainer()
        try await first.train(on: arraySamples)
        try rubbish(in: XCTUnwrap(savedModels().first))
        let trainer = try trainer()
        let isPersonal = await trainer.isPersonal
        XCTAssertFalse(isPersonal)
        let error = await trainer.personalModelError
        XCTAssertTrue(error is DecodingError)
        let found = try await weights(trainer)
        XCTAssertEqual(found, shipped)
        try await trainer.train(on: arraySamples)
        let recovered = try self.trainer()
        let isPersonalAgain = await recovered.isPersonal
        XCTAssertTrue(isPersonalAgain)
        let noError = await recovered.personalModelError
        XCTAssertNil(noError)
    }

    func testANewlyShippedModelIsNotHidden() async throws {
        let old = try trainer()
        try await old.train(on: arraySamples)
        let shipped = try NewArrayTrainer(
            bundle: Self.bundle("NewArray"), folder: folder.appendingPathComponent("empty")
        )
        let new = try NewArrayTrainer(bundle: Self.bundle("NewArray"), folder: folder)
        let isPersonal = await new.isPersonal
        XCTAssertFalse(isPersonal)
        let found = try await new.weights(of: "scores")
        let wanted = try await shipped.weights(of: "scores")
        XCTAssertEqual(found, wanted)
        XCTAssertEqual(try savedModels().count, 1)  // the older one is kept until the new one has learned
        let kept = try savedModels()
        let samples = arraySamples.map { NewArrayTrainer.Sample(image: $0.image, label: $0.label) }
        try await new.train(on: samples)
        XCTAssertEqual(try savedModels().count, 1)
        XCTAssertNotEqual(try savedModels(), kept)
    }

    func testResetRemovesAll() async throws {
        let shipped = try await weights(trainer())
        let trainer = try trainer()
        try await trainer.train(on: arraySamples)
        let new = try NewArrayTrainer(bundle: Self.bundle("NewArray"), folder: folder)
        try await new.reset()
        XCTAssertEqual(try savedModels(), [])
        try await trainer.reset()
        let found = try await weights(trainer)
        XCTAssertEqual(found, shipped)
    }

    func testResetWithoutLoading() async throws {
        let trainer = try trainer()
        try await trainer.train(on: arraySamples)
        try rubbish(in: XCTUnwrap(savedModels().first))
        try ArrayTrainer.reset(folder: folder)
        XCTAssertEqual(try savedModels(), [])
    }

    func testExportAndImport() async throws {
        let trainer = try trainer()
        let file = folder.appendingPathComponent("personal")
        await assertThrows(ArrayTrainer.TrainingError.nothingLearned) {
            try await trainer.exportModel(to: file)
        }
        try await trainer.train(on: arraySamples)
        let learned = try await weights(trainer)
        try await trainer.exportModel(to: file)
        try await trainer.reset()
        try await trainer.importModel(from: file)
        let imported = try await weights(trainer)
        XCTAssertEqual(imported, learned)
        let new = try NewArrayTrainer(bundle: Self.bundle("NewArray"), folder: folder)
        await assertThrows(NewArrayTrainer.TrainingError.otherModel) {
            try await new.importModel(from: file)
        }
    }

    /// The file stays, beside the numbers that it must hold, for the test of what takes it.
    func testExportOfWeights() async throws {
        let trainer = try trainer()
        let file = Self.models.appendingPathComponent("exported.json")
        await assertThrows(ArrayTrainer.TrainingError.nothingLearned) {
            try await trainer.exportWeights(to: file)
        }
        try await trainer.train(on: arraySamples)
        try await trainer.exportWeights(to: file)
        var numbers: [String: [Float]] = [:]
        for layer in ArrayTrainer.updatableLayers {
            numbers["\(layer)/weights"] = try await trainer.weights(of: layer)
            numbers["\(layer)/biases"] = try await trainer.biases(of: layer)
        }
        XCTAssertEqual(numbers.count, 4)
        let told = Self.models.appendingPathComponent("exported numbers.json")
        try JSONEncoder().encode(numbers).write(to: told)
    }

    /// What is written on the way to its place does not stay behind.
    func testNothingIsLeftBehind() async throws {
        let trainer = try trainer()
        try await trainer.train(on: arraySamples, validatingOn: arraySamples, patience: 1)
        FakeCoreML.shared.switches.writingFails = true
        await assertThrows(FakeError.notWritten) { try await trainer.train(on: arraySamples) }
        try await silence()
        let place = try FileManager.default.url(
            for: .itemReplacementDirectory, in: .userDomainMask, appropriateFor: folder, create: true
        )
        XCTAssertEqual(
            try FileManager.default.contentsOfDirectory(atPath: place.path).filter {
                $0.hasSuffix(".mlmodelc")
            }, [])
    }
}
