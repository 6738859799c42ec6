import CoreFoundation
import CoreGraphics
import CoreVideo

/// What C functions return may be ignored, as the importer has it.
@discardableResult
public func VTCreateCGImageFromCVPixelBuffer(
    _ pixelBuffer: CVPixelBuffer, options: CFDictionary?, imageOut: UnsafeMutablePointer<CGImage?>
) -> OSStatus {
    imageOut.pointee = CGImage(fakePixels: pixelBuffer.fakePixels)
    return 0
}
