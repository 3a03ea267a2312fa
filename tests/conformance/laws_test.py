"""The laws of tf_textgan.conformance for all of the library's own parts."""

from tf_textgan.conformance.algorithms import *  # noqa: F403
from tf_textgan.conformance.modules import *  # noqa: F403
from tf_textgan.conformance.networks import *  # noqa: F403
from tf_textgan.conformance.texts import *  # noqa: F403
