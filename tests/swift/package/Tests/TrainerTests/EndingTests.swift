import CoreML
import XCTest

/// A training ends once, and as it says.
final class EndingTests: TrainerTestCase {
    private func unchanged(_ trainer: ArrayTrainer, line: UInt = #line) async throws {
        let shipped = try ArrayTrainer(
            bundle: Self.bundle("Array"), folder: folder.appendingPathComponent("empty")
        )
        let wanted = try await shipped.weights(of: "scores")
        let found = try await trainer.weights(of: "scores")
        XCTAssertEqual(found, wanted, line: line)
        XCTAssertEqual(try savedModels(), [], line: line)
    }

    func testAFailedTraining() async throws {
        FakeCoreML.shared.switches.trainingFails = true
        let trainer = try trainer()
        await assertThrows(FakeError.trainingFailed) { try await trainer.train(on: arraySamples) }
        try await unchanged(trainer)
        FakeCoreML.shared.switches.trainingFails = false
        try await trainer.train(on: arraySamples)
    }

    func testNoModel() async throws {
        FakeCoreML.shared.switches.givesNoModel = true
        let trainer = try trainer()
        await assertThrows(ArrayTrainer.TrainingError.noModel) {
            try await trainer.train(on: arraySamples)
        }
        try await unchanged(trainer)
    }

    func testALossThatIsNoNumber() async throws {
        FakeCoreML.shared.switches.lossIsNotANumber = true
        let trainer = try trainer()
        await assertThrows(ArrayTrainer.TrainingError.notFinite) {
            try await trainer.train(on: arraySamples)
        }
        try await unchanged(trainer)
    }

    func testOneAtATime() async throws {
        FakeCoreML.shared.switches.secondsPerMiniBatch = 0.01
        let trainer = try trainer()
        let first = Task { try await trainer.train(on: arraySamples) }
        while FakeCoreML.shared.record.running == 0 { await Task.yield() }
        await assertThrows(ArrayTrainer.TrainingError.busy) {
            try await trainer.train(on: arraySamples)
        }
        await assertThrows(ArrayTrainer.TrainingError.busy) { try await trainer.reset() }
        _ = try await first.value
    }

    private func assertCancelled(
        _ training: Task<Void, any Error>, line: UInt = #line
    ) async {
        let result = await training.result
        XCTAssertThrowsError(try result.get(), line: line) {
            XCTAssertTrue($0 is CancellationError, "\($0)", line: line)
        }
    }

    /// Cancels a training that is under way.
    private func cancelled(_ trainer: ArrayTrainer) async throws {
        FakeCoreML.shared.switches.secondsPerMiniBatch = 0.005
        let training = Task<Void, any Error> { try await trainer.train(on: arraySamples) }
        while FakeCoreML.shared.record.running == 0 { await Task.yield() }
        training.cancel()
        await assertCancelled(training)
        try await silence()
    }

    func testACancelledTrainingIsNotSaved() async throws {
        let trainer = try trainer()
        try await cancelled(trainer)
        try await unchanged(trainer)
        XCTAssertEqual(FakeCoreML.shared.record.liveTasks, 0)
    }

    func testACompletionAfterACancellation() async throws {
        FakeCoreML.shared.switches.completesAfterCancel = true
        let trainer = try trainer()
        try await cancelled(trainer)
        try await unchanged(trainer)
        XCTAssertEqual(FakeCoreML.shared.record.liveTasks, 0)
    }

    func testCancelledBeforeItBegan() async throws {
        let trainer = try trainer()
        let training = Task<Void, any Error> {
            withUnsafeCurrentTask { $0?.cancel() }
            try await trainer.train(on: arraySamples)
        }
        await assertCancelled(training)
        try await silence()
        try await unchanged(trainer)
    }

    /// The moment between the making of a task and its keeping: it may neither run nor stay in memory.
    func testCancelledWhileTheTaskIsMade() async throws {
        FakeCoreML.shared.switches.onStep = { step in
            if step == .makingTask { withUnsafeCurrentTask { $0?.cancel() } }
        }
        let trainer = try trainer()
        let training = Task<Void, any Error> { try await trainer.train(on: arraySamples) }
        await assertCancelled(training)
        try await silence()
        try await unchanged(trainer)
        XCTAssertEqual(FakeCoreML.shared.record.tasks, 1)
        XCTAssertEqual(FakeCoreML.shared.record.liveTasks, 0)
    }

    /// Once it is being saved, a training is saved, and says so.
    func testACancellationWhileItIsSavedComesTooLate() async throws {
        let training = Box<Task<Void, any Error>>()
        FakeCoreML.shared.switches.onStep = { step in
            if step == .writing { training.take().cancel() }
        }
        let trainer = try trainer()
        training.put(Task { try await trainer.train(on: arraySamples) })
        try await training.take().value
        XCTAssertEqual(try savedModels().count, 1)
        XCTAssertEqual(FakeCoreML.shared.record.collisions, 0)
        let found = try await trainer.weights(of: "scores")
        let saved = try await self.trainer().weights(of: "scores")
        XCTAssertEqual(found, saved)
    }
}
