output "log_group" {
  description = "Log group of the instances."
  value       = aws_cloudwatch_log_group.this.name
}

output "alarms" {
  description = "Names of the alarms."
  value = concat(
    [for alarm in aws_cloudwatch_metric_alarm.program : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.foundationdb : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.machine : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.group : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.not_ready : alarm.alarm_name],
  )
}
