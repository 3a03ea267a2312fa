"""Laws that every generator, discriminator and algorithm must satisfy, as pytest functions; for users' parts: `python -m tf_textgan.conformance`."""
