"""Reads a SAM template in YAML from standard input and writes it as JSON, with CloudFormation's tags spelled out."""

import json
import sys

from samtranslator.yaml_helper import yaml_parse

json.dump(yaml_parse(sys.stdin.read()), sys.stdout, default=str)
