import CoreFoundation
import CoreGraphics
import CoreVideo

public func VTCreateCGImageFromCVPixelBuffer(
    _ pixelBuffer: CVPixelBuffer, options: CFDictionary?, imageOut: UnsafeMutablePointer<CGImage?>
) -> OSStatus {
    imageOut.pointee = CGImage(fakePixels: pixelBuffer.fakePixels)
    return 0
}
