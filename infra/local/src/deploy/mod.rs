//! From the template to a stack: building and zipping the functions, uploading them, and deploying with CloudFormation.

mod archive;
pub mod artifacts;
pub mod binaries;
pub mod cloudformation;
pub mod template;
