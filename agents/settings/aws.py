"""The keys of `aws`: how the requests to Amazon Bedrock are signed. They have no secrets."""

from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from agents.core.faults import Fault, InvalidValue
from agents.settings.values import AwsRegion, Name


class AwsSettings(BaseModel):
    """Credentials of AWS that sign the requests.

    region: None: that of AWS_REGION or AWS_DEFAULT_REGION. profile: a name in the files of AWS; None: the credentials
    that botocore finds first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: AwsRegion | None = None
    profile: Name | None = None


class OneAuthorization(BaseModel):
    """A section that may have `aws`, and then no other way to authorize its requests."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        given = dict(self)
        for key in ("api_key", "api_version"):
            if given["aws"] is not None and given[key] is not None:
                raise InvalidValue(Fault((key,), "none with aws", "one"))
        return self
