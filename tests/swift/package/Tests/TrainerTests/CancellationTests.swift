import CoreML
import XCTest

/// Many trainings, each cancelled at a moment of its own.
final class CancellationTests: TrainerTestCase {
    /// What was said of each training is what happened.
    ///
    /// A second trainer, in a folder of its own, learns as often as the first one said that it had: after each
    /// turn both have to have saved the same.
    func testWhatIsSaidIsWhatIsSaved() async throws {
        let trainer = try trainer()
        let witnessed = folder.appendingPathComponent("witness", isDirectory: true)
        let witness = try ArrayTrainer(bundle: Self.bundle("Array"), folder: witnessed)
        var generator = SplitMix(state: 16)
        var (cancelled, saved, wrong) = (0, 0, 0)
        for _ in 0..<400 {
            let training = cancelledTraining(of: trainer, using: &generator)
            do {
                try await training.value
                saved += 1
            } catch is CancellationError {
                cancelled += 1
                // At once, so that it meets whatever of the cancelled one is still under way.
                _ = try await trainer.train(on: fewSamples)
            }
            try await silence()
            _ = try await witness.train(on: fewSamples)
            try await silence()
            if try file(in: folder) != file(in: witnessed) {
                wrong += 1
                // Both start again, so that each fault counts once.
                try await trainer.reset()
                try await witness.reset()
            }
        }
        let collisions = FakeCoreML.shared.record.collisions
        print("cancelled: \(cancelled), saved: \(saved), wrong: \(wrong), collisions: \(collisions)")
        XCTAssertGreaterThan(cancelled, 100)
        XCTAssertGreaterThan(saved, 50)
        XCTAssertEqual(wrong, 0)
        XCTAssertEqual(collisions, 0)
        XCTAssertEqual(FakeCoreML.shared.record.liveTasks, 0)
    }

    /// Starts a training that is cancelled from another thread, at one of its steps or a little later.
    private func cancelledTraining(
        of trainer: ArrayTrainer, using generator: inout SplitMix
    ) -> Task<Void, any Error> {
        let training = Box<Task<Void, any Error>>()
        // The making of the task, two mini-batches, the begin and the end of writing.
        let chosen = Int.random(in: 0..<5, using: &generator)
        let delay = Int.random(in: 0..<300, using: &generator)
        let count = Counter()
        FakeCoreML.shared.switches.onStep = { step in
            guard count.next() == chosen else { return }
            DispatchQueue.global().asyncAfter(deadline: .now() + .microseconds(delay)) {
                training.take().cancel()
            }
            if delay % 2 == 0 { usleep(UInt32(delay)) }  // half of the steps are still under way then
        }
        let started = Task<Void, any Error> { try await trainer.train(on: fewSamples) }
        training.put(started)
        return started
    }

    private func file(in folder: URL) throws -> Data {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let name = try XCTUnwrap(names.first { $0.hasSuffix(".mlmodelc") })
        return try Data(contentsOf: folder.appendingPathComponent(name).appendingPathComponent("model.json"))
    }
}

private let fewSamples = Array(arraySamples.prefix(4))

/// Counts from 0, in any thread.
private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = -1

    func next() -> Int {
        lock.withLock {
            count += 1
            return count
        }
    }
}

/// Random numbers that are the same in every run (SplitMix64).
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
