import Foundation

/// Foundation on Linux cannot replace what is not there, nor folders; Apple's can. This stands in its way in
/// this module only: no generated file needs it elsewhere.
extension FileManager {
    func replaceItemAt(_ original: URL, withItemAt new: URL) throws -> URL? {
        if fileExists(atPath: original.path) { try removeItem(at: original) }
        try moveItem(at: new, to: original)
        return original
    }
}
