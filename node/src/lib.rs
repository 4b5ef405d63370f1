//! The gearify binary: wiring, command line, clock, projectors, providers.
