module deepseek-operator.local/gwload

go 1.25.0
