import Foundation

/// Foundation on Linux cannot replace folders; Apple's can. This stands in its way in this module only.
///
/// It takes the strict view that there has to be something to replace.
extension FileManager {
    func replaceItemAt(_ original: URL, withItemAt new: URL) throws -> URL? {
        try removeItem(at: original)
        try moveItem(at: new, to: original)
        return original
    }
}
