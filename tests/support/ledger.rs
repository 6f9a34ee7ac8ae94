//! Whether the ledger is the bucket.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spillway_contracts::ledger::{STATE_KEY, row_name};
use spillway_contracts::partition::partitions;

use crate::{Item, Stack};

impl Stack {
    /// Checks that rows, `__STATE__` and history all say what the bucket holds, and gives what that is.
    pub async fn check_ledger(&self) -> BTreeMap<String, i64> {
        let outputs = self.local_aws.outputs();
        let bucket = self.objects().await;
        let rows = self.items(&outputs.object_table_name).await;
        assert_eq!(rows.iter().filter_map(live_row).collect::<BTreeMap<_, _>>(), bucket);
        let total: i64 = bucket.values().sum();
        let state = rows.iter().find(|row| row["object_name"] == STATE_KEY).expect("__STATE__");
        assert_eq!((&state["total_size"], &state["object_count"]), (&json!(total), &json!(bucket.len())));
        let mut history = self.items(&outputs.history_table_name).await;
        let with_records: Vec<String> = partitions(&outputs.test_bucket_name).collect();
        history.retain(|record| with_records.iter().any(|partition| record["bucket_name"] == *partition));
        history.sort_by_key(|record| record["event_key"].to_string());
        let mut sum = 0;
        for record in &history {
            sum += record["size_delta"].as_i64().expect("size_delta");
            assert_eq!(record["total_size"], json!(sum));
        }
        assert_eq!((sum, &state["version"]), (total, &json!(history.len())));
        bucket
    }

    /// Has plotting sum up the whole history, as if the ledger had gone on since.
    pub async fn sum_up(&self) {
        let later = Timestamp::now() + SignedDuration::from_mins(20);
        let state = self.dynamodb.update_item().table_name(&self.local_aws.outputs().object_table_name);
        let state = state.key("object_name", AttributeValue::S(STATE_KEY.to_owned()));
        let state = state.update_expression("SET updated_at = :later");
        let state = state.expression_attribute_values(":later", AttributeValue::S(later.to_string()));
        state.send().await.expect("__STATE__ can be changed");
        let answer = self.answer(&self.function("plotting").await, &json!({ "sum_up": true })).await;
        assert_eq!(answer, Ok(Value::Null));
    }

    /// Puts the history into one partition, as versions before 0.2 wrote it. Gives the number of records.
    pub async fn make_history_older(&self) -> usize {
        let outputs = self.local_aws.outputs();
        let (table, bucket) = (&outputs.history_table_name, &outputs.test_bucket_name);
        let mut moved = 0;
        for partition in partitions(bucket).filter(|partition| partition != bucket) {
            let query = self.dynamodb.query().table_name(table).key_condition_expression("bucket_name = :partition");
            let query = query.expression_attribute_values(":partition", AttributeValue::S(partition));
            for mut record in query.send().await.expect("a partition can be read").items.unwrap_or_default() {
                let mut key = record.clone();
                key.retain(|name, _| ["bucket_name", "event_key"].contains(&name.as_str()));
                let delete = self.dynamodb.delete_item().table_name(table).set_key(Some(key));
                delete.send().await.expect("a record can be deleted");
                record.insert("bucket_name".to_owned(), AttributeValue::S(bucket.clone()));
                let put = self.dynamodb.put_item().table_name(table).set_item(Some(record));
                put.send().await.expect("a record can be written");
                moved += 1;
            }
        }
        moved
    }
}

/// What a row says of an object that is there: name and size.
fn live_row(row: &Item) -> Option<(String, i64)> {
    let name = row_name(row["object_name"].as_str()?)?;
    Some((name.to_string(), row.get("size")?.as_i64()?))
}
