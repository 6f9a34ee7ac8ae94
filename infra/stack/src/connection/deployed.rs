//! A deployed stack, as CloudFormation describes it.

use std::collections::BTreeMap;

use spillway_aws::CallError;

use super::{Connection, ConnectionError};
use crate::error::Error;
use crate::outputs::Outputs;

/// A stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployed {
    /// Its ARN, which has the partition, the region and the account.
    pub arn: String,
    /// Such as `CREATE_COMPLETE`.
    pub status: String,
    /// The parameters that it was deployed with.
    pub parameters: BTreeMap<String, String>,
    /// The outputs.
    pub outputs: BTreeMap<String, String>,
}

impl Deployed {
    /// Asks CloudFormation.
    pub async fn read(connection: &Connection) -> Result<Self, Error> {
        let name = &connection.stack_name;
        let none = || ConnectionError::NoStack { name: name.clone(), place: connection.place.to_string() };
        let client = aws_sdk_cloudformation::Client::new(&connection.config);
        let answer = client.describe_stacks().stack_name(name).send().await.map_err(CallError::of("DescribeStacks"));
        let stacks = match answer {
            Err(error) if error.says("does not exist") => return Err(none().into()),
            answer => answer?.stacks.unwrap_or_default(),
        };
        let stack = stacks.into_iter().next().ok_or_else(none)?;
        let parameters = stack.parameters().iter();
        let outputs = stack.outputs().iter();
        Ok(Self {
            arn: stack.stack_id().unwrap_or_default().to_owned(),
            status: stack.stack_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            parameters: parameters
                .filter_map(|it| Some((it.parameter_key()?.to_owned(), it.parameter_value()?.to_owned())))
                .collect(),
            outputs: outputs
                .filter_map(|it| Some((it.output_key()?.to_owned(), it.output_value()?.to_owned())))
                .collect(),
        })
    }

    /// The outputs that the commands need.
    pub fn outputs(&self, connection: &Connection) -> Result<Outputs, ConnectionError> {
        Outputs::from_stack(self.outputs.clone()).map_err(|error| ConnectionError::NotSpillway {
            name: connection.stack_name.clone(),
            output: error.to_string().split('`').nth(1).unwrap_or_default().to_owned(),
        })
    }
}
