"""Everything that two or more services share; see README.md for the rooms and the import arrows."""

from common import native

native.use()
