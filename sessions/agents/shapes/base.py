"""What all answers have in common. Times are in UTC; text is "" when absent; costs are millionths of a US dollar."""

from pydantic import BaseModel, ConfigDict


class Outgoing(BaseModel):
    model_config = ConfigDict(serialize_by_alias=True, populate_by_name=True)
