//! One module per request of a user.
