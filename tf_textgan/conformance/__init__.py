"""What every generator, discriminator and algorithm must satisfy, as pytest functions; also of a user's own: `python -m tf_textgan.conformance`."""
