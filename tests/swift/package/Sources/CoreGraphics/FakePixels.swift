/// Pixels of one byte for each channel, row by row: what an image, a pixel buffer or a file holds.
public struct FakePixels: Codable, Equatable, Sendable {
    public let width: Int
    public let height: Int
    public let channels: Int
    public let bytes: [UInt8]
    /// How it is to be turned, as Exif says it: from 1, upright, to 8.
    public let orientation: UInt32

    public init(width: Int, height: Int, channels: Int, bytes: [UInt8], orientation: UInt32 = 1) {
        precondition(bytes.count == width * height * channels)
        self.width = width
        self.height = height
        self.channels = channels
        self.bytes = bytes
        self.orientation = orientation
    }

    private func pixel(_ x: Int, _ y: Int) -> ArraySlice<UInt8> {
        guard (0..<width).contains(x), (0..<height).contains(y) else {
            return ArraySlice(repeating: 0, count: channels)
        }
        let start = (y * width + x) * channels
        return bytes[start..<start + channels]
    }

    /// Returns the picture as it is to be seen.
    ///
    /// The table of the eight orientations: where the pixel at (x, y) of the upright picture is found.
    public func upright(_ orientation: UInt32) -> FakePixels {
        let isTurned = orientation > 4
        let (wide, high) = isTurned ? (height, width) : (width, height)
        let (right, bottom) = (width - 1, height - 1)
        let sources: [UInt32: (Int, Int) -> (Int, Int)] = [
            1: { x, y in (x, y) },
            2: { x, y in (right - x, y) },
            3: { x, y in (right - x, bottom - y) },
            4: { x, y in (x, bottom - y) },
            5: { x, y in (y, x) },
            6: { x, y in (y, bottom - x) },
            7: { x, y in (right - y, bottom - x) },
            8: { x, y in (right - y, x) },
        ]
        return filled(wide, high, from: sources[orientation]!)
    }

    /// Returns the whole picture in another size, each pixel the nearest one.
    public func scaled(width wide: Int, height high: Int) -> FakePixels {
        filled(wide, high) { x, y in (x * self.width / wide, y * self.height / high) }
    }

    /// Returns the middle of the picture that has the proportions of the size given.
    public func cropped(toProportionsOf wide: Int, _ high: Int) -> FakePixels {
        framed(wide, high, scale: min(Double(width) / Double(wide), Double(height) / Double(high)))
    }

    /// Returns the picture with black margins, so that it has the proportions of the size given.
    public func padded(toProportionsOf wide: Int, _ high: Int) -> FakePixels {
        framed(wide, high, scale: max(Double(width) / Double(wide), Double(height) / Double(high)))
    }

    private func framed(_ wide: Int, _ high: Int, scale: Double) -> FakePixels {
        let (newWidth, newHeight) = (Int(Double(wide) * scale), Int(Double(high) * scale))
        let (left, top) = ((width - newWidth) / 2, (height - newHeight) / 2)
        return filled(newWidth, newHeight) { x, y in (left + x, top + y) }
    }

    private func filled(
        _ wide: Int, _ high: Int, from source: (Int, Int) -> (Int, Int)
    ) -> FakePixels {
        var found: [UInt8] = []
        for y in 0..<high {
            for x in 0..<wide {
                let (sourceX, sourceY) = source(x, y)
                found += pixel(sourceX, sourceY)
            }
        }
        return FakePixels(width: wide, height: high, channels: channels, bytes: found)
    }
}
