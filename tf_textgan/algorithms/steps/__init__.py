"""Training steps that several papers share; a paper's file imports these and no other paper's."""
