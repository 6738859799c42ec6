// Uses the session of the example app as its views do, and prints what they would show.
import Foundation

extension Bundle {
    static let module = Bundle(path: CommandLine.arguments[1]) ?? .main
}

func show(_ name: String, _ value: Any?) { print("\(name): \(value ?? "nothing")") }

var drawing = Drawing()
drawing.begin(at: .init(x: 0.25, y: 0.5))
drawing.draw(to: .init(x: 0.75, y: 0.5))
show("drawn", drawing.pixels(width: 4, height: 4).map { $0 > 0.5 ? "#" : "." }.joined())

try DigitsTrainer.reset()
let session = try await Session.load()
for number in 0..<20 {
    session.add((0..<16).map { $0 % 3 == number % 3 ? 1 : 0 }, label: number % 3)
}
session.parameters.epochs = 5
session.train()
session.train()
show("progress at the start", session.progress)
await session.finishTraining()
show("epochs", session.epochs.count)
show("losses fall", session.epochs[4].loss < session.epochs[0].loss)
show("accuracy, held out", session.epochs[4].validation?.accuracy)
show("progress at the end", session.progress)
await session.predict((0..<16).map { $0 % 3 == 1 ? 1 : 0 })
show("prediction", session.prediction?.label)
session.train()
session.cancel()
await session.finishTraining()
show("problem after a cancellation", session.problem)
session.parameters.epochs = 77
session.train()
await session.finishTraining()
show("problem", session.problem)
await session.reset()
show("prediction after a reset", session.prediction)
