import CoreFoundation
import CoreGraphics

public class CVBuffer {
    public let fakePixels: FakePixels
    public let fakeFormat: OSType

    public init(fakePixels: FakePixels, format: OSType) {
        self.fakePixels = fakePixels
        fakeFormat = format
    }
}

public typealias CVImageBuffer = CVBuffer
public typealias CVPixelBuffer = CVImageBuffer

public var kCVPixelFormatType_32BGRA: OSType { 0x4247_5241 }
public var kCVPixelFormatType_OneComponent8: OSType { 0x4C30_3038 }

public func CVPixelBufferGetWidth(_ pixelBuffer: CVPixelBuffer) -> Int { pixelBuffer.fakePixels.width }

public func CVPixelBufferGetHeight(_ pixelBuffer: CVPixelBuffer) -> Int { pixelBuffer.fakePixels.height }

public func CVPixelBufferGetPixelFormatType(_ pixelBuffer: CVPixelBuffer) -> OSType {
    pixelBuffer.fakeFormat
}
