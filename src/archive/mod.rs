//! Files to messages with byte offsets.
