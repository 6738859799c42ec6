"""Part of the stand-in for pyobjc: see ``objc.py`` beside this file."""

import time
from pathlib import Path

from objc import Object

MAIN_QUEUE = []
"""What is to be called on the main queue."""


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

    @classmethod
    def numberWithDouble_(cls, value):
        assert type(value) is float
        return value


class NSDate(Object):
    @classmethod
    def dateWithTimeIntervalSinceNow_(cls, seconds):
        return seconds


class NSRunLoop(Object):
    @classmethod
    def mainRunLoop(cls):
        return cls()

    def runUntilDate_(self, date):
        while MAIN_QUEUE:
            MAIN_QUEUE.pop(0)()
        time.sleep(date)


class NSFileManager(Object):
    @classmethod
    def defaultManager(cls):
        return cls()

    def moveItemAtURL_toURL_error_(self, source, target, error):
        assert not Path(target.path()).exists()
        Path(source.path()).rename(target.path())
        return True, None

    def replaceItemAtURL_withItemAtURL_backupItemName_options_resultingItemURL_error_(
        self, target, source, backup, options, resulting, error
    ):
        assert (backup, options) == (None, 0)
        for file in Path(source.path()).iterdir():
            file.replace(Path(target.path()) / file.name)
        Path(source.path()).rmdir()
        return True, target, None


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
        return self._values.get(key)

    def allKeys(self):
        return list(self._values)
