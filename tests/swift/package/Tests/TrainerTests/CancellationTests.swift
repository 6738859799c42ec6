import CoreML
import XCTest

/// Many trainings, cancelled at any moment.
final class CancellationTests: TrainerTestCase {
    /// What was said of each training is what happened.
    ///
    /// A second trainer, in a folder of its own, learns as often as the first one said that it had: after each
    /// turn both have to be the same.
    func testWhatIsSaidIsWhatIsSaved() async throws {
        FakeCoreML.shared.switches.secondsPerMiniBatch = 0.0005
        FakeCoreML.shared.switches.secondsPerWrite = 0.002
        let trainer = try trainer()
        let witness = try ArrayTrainer(
            bundle: Self.bundle("Array"), folder: folder.appendingPathComponent("witness")
        )
        var generator = SplitMix(state: 16)
        var (cancelled, saved, wrong) = (0, 0, 0)
        for _ in 0..<400 {
            let training = Task<Void, any Error> { try await trainer.train(on: arraySamples) }
            try await Task.sleep(nanoseconds: UInt64.random(in: 0..<12_000_000, using: &generator))
            training.cancel()
            do {
                try await training.value
                saved += 1
            } catch is CancellationError {
                cancelled += 1
                // At once, so that it meets whatever of the cancelled one is still under way.
                _ = try await trainer.train(on: arraySamples)
            }
            _ = try await witness.train(on: arraySamples)
            try await silence()
            let wanted = try await witness.weights(of: "scores")
            let onDisk = try await self.trainer().weights(of: "scores")
            if onDisk != wanted {
                wrong += 1
                // Start again from the same, so that each fault counts once.
                try await trainer.reset()
                try await witness.reset()
            }
        }
        let collisions = FakeCoreML.shared.record.collisions
        print("cancelled: \(cancelled), saved: \(saved), wrong: \(wrong), collisions: \(collisions)")
        XCTAssertGreaterThan(cancelled, 100)
        XCTAssertGreaterThan(saved, 20)
        XCTAssertEqual(wrong, 0)
        XCTAssertEqual(collisions, 0)
        XCTAssertEqual(FakeCoreML.shared.record.liveTasks, 0)
    }
}

/// Random numbers that are the same in every run (SplitMix64).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
