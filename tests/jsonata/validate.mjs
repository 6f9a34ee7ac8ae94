// What asl-validator, and the language service of AWS's toolkits, find in a definition: one line each.
//
// usage: node validate.mjs MODULES < DEFINITION

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/`);
const validate = require("asl-validator");
const { TextDocument, getLanguageService } = require("amazon-states-language-service");

const text = readFileSync(0, "utf8");
for (const error of validate(JSON.parse(text)).errors) console.log(`asl-validator: ${JSON.stringify(error)}`);
const service = getLanguageService({});
const document = TextDocument.create("file://machine.asl.json", "json", 1, text);
const found = await service.doValidation(document, service.parseJSONDocument(document));
for (const { message, range } of found) console.log(`language service: line ${range.start.line + 1}: ${message}`);
