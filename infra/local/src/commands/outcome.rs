//! What a command comes to.

/// What a command came to.
pub(super) enum Outcome {
    /// What it should.
    Success,
    /// The run was followed to its end, which is not the expected one.
    Unexpected,
    /// A signal with this number arrived before it was done.
    Interrupted(u8),
}
