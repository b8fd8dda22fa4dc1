"""The real parts give each test a corner of its own."""

import boto3
from sqlalchemy import create_engine, text


def test_a_database_a_vhost_and_a_bucket_are_to_be_had(engines, database_url, amqp_uri, bucket):
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert connection.scalar(text("select 1")) == 1
    engine.dispose()
    assert amqp_uri.rpartition("/")[2].startswith("test-")
    client = boto3.client(
        "s3",
        endpoint_url=engines.s3_endpoint_url,
        aws_access_key_id=engines.s3_access_key_id,
        aws_secret_access_key=engines.s3_secret_access_key,
        region_name="us-east-1",
    )
    client.put_object(Bucket=bucket, Key="a", Body=b"1")
    assert client.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"
    client.close()
