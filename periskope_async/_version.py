"""The version, where the build reads it. To look up what is installed takes 34 M instructions, in every process."""

VERSION = "0.1.0"
