"""Campaigns that try to break the library: slow, seeded scripts that pytest does not collect; docs/reliability.md says what each does."""

from tf_textgan.commands import quiet

quiet.start_tensorflow()
