module deepseek-operator.local/pause

go 1.25.0
