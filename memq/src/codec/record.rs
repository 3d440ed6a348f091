//! What can be done with a record's bytes: parse, frame, detect, decode.
