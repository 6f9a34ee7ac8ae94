//! Updating a live stack.

use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::types::{Capability, Parameter, StackStatus, TemplateStage};
use serde_json::Value;
use spillway_local::deploy::artifacts::upload_template;

use crate::{Stack, within};

/// An update makes an index of a table, and waits for it.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(120);

impl Stack {
    /// The template that the stack was deployed with.
    pub async fn template(&self) -> Value {
        let cloudformation = aws_sdk_cloudformation::Client::new(self.local_aws.sdk_config());
        let request = cloudformation.get_template().stack_name(self.local_aws.stack_name());
        let answer = request.template_stage(TemplateStage::Original).send().await;
        let body = answer.expect("the stack has a template").template_body.expect("a template has a body");
        serde_json::from_str(&body).expect("this one is JSON")
    }

    /// Changes a parameter; all others keep their values.
    pub async fn set_parameter(&self, name: &str, value: &str) {
        self.update(None, &[(name, value)]).await.unwrap_or_else(|refusal| panic!("{refusal}"));
    }

    /// Deploys a template, or none but the last one, over the stack's. Parameters that aren't named keep their values. The
    /// error is what CloudFormation says to parameters that it refuses.
    pub async fn update(&self, template: Option<&Value>, parameters: &[(&str, &str)]) -> Result<(), String> {
        let cloudformation = aws_sdk_cloudformation::Client::new(self.local_aws.sdk_config());
        let name = self.local_aws.stack_name();
        let described = cloudformation.describe_stacks().stack_name(name).send().await.expect("the stack is there");
        let names = described.stacks()[0].parameters().iter().filter_map(Parameter::parameter_key);
        let parameter = |name: &str| {
            let parameter = Parameter::builder().parameter_key(name);
            match parameters.iter().find(|(changed, _)| *changed == name) {
                Some((_, value)) => parameter.parameter_value(*value).build(),
                None => parameter.use_previous_value(true).build(),
            }
        };
        let mut request =
            cloudformation.update_stack().stack_name(name).set_parameters(Some(names.map(parameter).collect()));
        request = request.capabilities(Capability::CapabilityIam).capabilities(Capability::CapabilityAutoExpand);
        let request = match template {
            Some(template) => {
                let url = upload_template(&self.s3, &self.local_aws.endpoint(), &template.to_string()).await;
                request.template_url(url.expect("a template can be uploaded"))
            }
            None => request.use_previous_template(true),
        };
        request.send().await.map_err(|error| error.message().unwrap_or_default().to_owned())?;
        within(LONGEST, "the stack is updated", async || {
            let stacks = cloudformation.describe_stacks().stack_name(name).send().await.expect("the stack is there");
            let status = stacks.stacks().first().and_then(|stack| stack.stack_status().cloned());
            let status = status.expect("a stack has a status");
            assert!(!status.as_str().contains("ROLLBACK") && !status.as_str().contains("FAILED"), "{status}");
            status == StackStatus::UpdateComplete
        })
        .await;
        Ok(())
    }
}
