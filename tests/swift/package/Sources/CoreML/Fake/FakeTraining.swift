import Foundation

/// A model that came out of a training.
final class FakeWritableModel: MLModel, MLWritable {
    /// Writes in two steps, so that a failure leaves half a model. The folder has to be there.
    func write(to url: URL) throws {
        let switches = FakeCoreML.shared.switches
        FakeCoreML.shared.writingBegan()
        defer { FakeCoreML.shared.writingEnded() }
        let file = url.appendingPathComponent(FakeModel.file)
        try Data("half a model".utf8).write(to: file)
        switches.onStep(.writing)
        Thread.sleep(forTimeInterval: switches.secondsPerWrite)
        if switches.writingFails { throw FakeError.notWritten }
        if switches.writesRubbish { return }
        try fake.encoded().write(to: file)
        switches.onStep(.written)
    }
}

/// What a task does: mini-batches by SGD, or samples that are kept, in a thread of its own.
final class FakeTraining: @unchecked Sendable {
    /// The hyperparameters that were passed, by scope and name, as text.
    let passed: [String: String]

    private let lock = NSLock()
    private var model: FakeModel
    private let data: any MLBatchProvider
    private let handlers: MLUpdateProgressHandlers
    private let epochs: Int
    private let size: Int
    private let momentum: Double
    private var rate: Double
    private var speed: [FakeModel.Layer]
    private var hasStarted = false

    init(
        of model: FakeModel, on data: any MLBatchProvider, parameters: [MLParameterKey: Any],
        telling handlers: MLUpdateProgressHandlers
    ) throws {
        guard model.isUpdatable else { throw FakeError.invalid("not updatable") }
        let named = parameters.map { key, value in
            (key.scope.map { "\($0).\(key.name)" } ?? key.name, value)
        }
        let found = Dictionary(uniqueKeysWithValues: named)
        if model.neighbors != nil,
            let odd = found.keys.first(where: { $0 != model.scoped(FakeModel.Neighbors.parameter) })
        {
            throw FakeError.invalid(odd)
        }
        self.model = model
        self.data = data
        self.handlers = handlers
        passed = found.mapValues { "\($0)" }
        rate = found[model.scoped("learningRate")] as? Double ?? model.learningRate
        momentum = found[model.scoped("momentum")] as? Double ?? model.momentum
        epochs = found[model.scoped("epochs")] as? Int ?? model.epochs
        size = found[model.scoped("miniBatchSize")] as? Int ?? model.miniBatchSize
        speed = model.zeros
    }

    func change(_ parameters: [MLParameterKey: Any]) {
        for (key, value) in parameters where key.name == "learningRate" {
            guard let value = value as? Double else { continue }
            lock.withLock { rate = value }
            FakeCoreML.shared.note { $0.rates.append(value) }
        }
    }

    func start(for task: MLUpdateTask) {
        let isFirst = lock.withLock { () -> Bool in
            defer { hasStarted = true }
            return !hasStarted
        }
        guard isFirst else { return }
        task.state = .running
        FakeCoreML.shared.trainingBegan()
        nonisolated(unsafe) let task = task
        DispatchQueue.global().async { self.run(task) }
    }

    func cancel(_ task: MLUpdateTask) { lock.withLock { task.state = .cancelling } }

    private func isCancelled(_ task: MLUpdateTask) -> Bool { lock.withLock { task.state == .cancelling } }

    private func run(_ task: MLUpdateTask) {
        var ending = MLTaskState.completed
        do {
            try learn(task)
        } catch {
            task.error = error
            ending = .failed
        }
        let wasCancelled = lock.withLock { () -> Bool in
            if task.state == .cancelling { return true }
            task.state = ending
            return false
        }
        defer { FakeCoreML.shared.trainingEnded() }
        if wasCancelled && !FakeCoreML.shared.switches.completesAfterCancel { return }
        handlers.completion(context(task, [], [:], isLast: true))
    }

    /// Keeps every sample. Of such a training there is nothing to tell before its end.
    private func keep(_ task: MLUpdateTask) throws {
        for index in 0..<data.count {
            let switches = FakeCoreML.shared.switches
            switches.onStep(.miniBatch)
            Thread.sleep(forTimeInterval: switches.secondsPerMiniBatch)
            if isCancelled(task) { return }
            try model.keep(data.features(at: index))
        }
        if FakeCoreML.shared.switches.trainingFails { throw FakeError.trainingFailed }
    }

    private func learn(_ task: MLUpdateTask) throws {
        if model.neighbors != nil { return try keep(task) }
        tell(task, .trainingBegin, [:])
        for epoch in 0..<epochs {
            var total = 0.0
            for (index, start) in stride(from: 0, to: data.count, by: size).enumerated() {
                let switches = FakeCoreML.shared.switches
                switches.onStep(.miniBatch)
                Thread.sleep(forTimeInterval: switches.secondsPerMiniBatch)
                if isCancelled(task) { return }
                let batch = start..<min(start + size, data.count)
                let loss = try step(batch)
                total += loss * Double(batch.count)
                tell(
                    task, .miniBatchEnd,
                    [.lossValue: loss, .epochIndex: epoch, .miniBatchIndex: index]
                )
            }
            tell(task, .epochEnd, [.lossValue: total / Double(data.count), .epochIndex: epoch])
        }
        if FakeCoreML.shared.switches.trainingFails { throw FakeError.trainingFailed }
    }

    /// One step against the mean gradient: `v ← momentum v - rate g`, `w ← w + v`.
    private func step(_ batch: Range<Int>) throws -> Double {
        var gradients = model.zeros
        var loss = 0.0
        for index in batch {
            let sample = data.features(at: index)
            loss += model.learn(
                try model.input(of: sample), wanted: try model.wanted(of: sample), gradients: &gradients
            )
        }
        let share = lock.withLock { rate } / Double(batch.count)
        for layer in model.layers.indices where model.layers[layer].isUpdatable {
            for row in model.layers[layer].biases.indices {
                speed[layer].biases[row] = momentum * speed[layer].biases[row]
                    - share * gradients[layer].biases[row]
                model.layers[layer].biases[row] += speed[layer].biases[row]
                for column in model.layers[layer].weights[row].indices {
                    speed[layer].weights[row][column] = momentum * speed[layer].weights[row][column]
                        - share * gradients[layer].weights[row][column]
                    model.layers[layer].weights[row][column] += speed[layer].weights[row][column]
                }
            }
        }
        return FakeCoreML.shared.switches.lossIsNotANumber ? .nan : loss / Double(batch.count)
    }

    private func tell(
        _ task: MLUpdateTask, _ event: MLUpdateProgressEvent, _ metrics: [MLMetricKey: Any]
    ) {
        guard handlers.events.contains(event) else { return }
        handlers.progress?(context(task, event, metrics, isLast: false))
    }

    private func context(
        _ task: MLUpdateTask, _ event: MLUpdateProgressEvent, _ metrics: [MLMetricKey: Any],
        isLast: Bool
    ) -> MLUpdateContext {
        var result: MLModel & MLWritable = FakeWritableModel(model)
        if isLast && FakeCoreML.shared.switches.givesNoModel {
            // The header promises a model, so Swift has no nil for it; what comes is a null reference.
            result = unsafeBitCast((0, 0), to: (MLModel & MLWritable).self)
        }
        return MLUpdateContext(task, result, event, metrics, [:])
    }
}
