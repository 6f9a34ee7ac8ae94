//! How to reach the local AWS as its root user.

use aws_config::SdkConfig;
use spillway_stack::Outputs;
use spillway_stack::connection::{self, stack_file::StackFile};

/// The region that the local AWS is in.
pub const REGION: &str = "us-east-1";
/// The key of the local AWS's root user. It opens nothing else.
pub const ACCESS_KEY_ID: &str = "test";
/// The other half of the key.
pub const SECRET_ACCESS_KEY: &str = "test";

/// Root's configuration for the local AWS at `endpoint`; nothing of it comes from the environment.
pub fn sdk_config(endpoint: &str) -> SdkConfig {
    connection::sdk_config(endpoint, REGION, ACCESS_KEY_ID, SECRET_ACCESS_KEY)
}

/// A client for the local S3.
pub fn s3(config: &SdkConfig) -> aws_sdk_s3::Client {
    connection::s3(config)
}

/// What other commands find the stack at `endpoint` by.
pub fn stack_file(endpoint: String, outputs: Outputs) -> StackFile {
    StackFile {
        endpoint,
        region: REGION.to_owned(),
        access_key_id: ACCESS_KEY_ID.to_owned(),
        secret_access_key: SECRET_ACCESS_KEY.to_owned(),
        outputs,
    }
}
