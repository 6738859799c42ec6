"""Part of the stand-in for pyobjc: see ``objc.py`` beside this file."""

from objc import Object


class NSURL(Object):
    @classmethod
    def fileURLWithPath_(cls, path):
        assert isinstance(path, str)
        url = cls()
        url._path = path
        return url

    def path(self):
        return self._path


class NSNumber(Object):
    @classmethod
    def numberWithLongLong_(cls, value):
        assert type(value) is int
        return value

    @classmethod
    def numberWithBool_(cls, value):
        assert type(value) is bool
        return value


class NSArray(Object):
    @classmethod
    def arrayWithArray_(cls, values):
        return list(values)


class NSDictionary(Object):
    @classmethod
    def dictionaryWithDictionary_(cls, values):
        made = cls()
        made._values = dict(values)
        return made

    def objectForKey_(self, key):
        return self._values[key]

    def allKeys(self):
        return list(self._values)
