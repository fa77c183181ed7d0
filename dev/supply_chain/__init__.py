"""What is passed on with a release, and on which terms: licences, bills of materials, a wheel that anybody can build again."""
