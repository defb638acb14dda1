//! Sessions as lists of events.
